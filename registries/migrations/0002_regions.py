"""Loads the vendor's regions. Source: reference/tencent-api.md appendix A; jurisdictions are ours."""

from django.db import migrations

REGIONS = [
    # numeric id, code, English name, Chinese name, jurisdiction
    (1, "ap-guangzhou", "South China (Guangzhou)", "华南地区（广州）", "cn-mainland"),
    (4, "ap-shanghai", "East China (Shanghai)", "华东地区（上海）", "cn-mainland"),
    (5, "ap-hongkong", "Hong Kong/Macao/Taiwan (Hong Kong)", "港澳台地区（中国香港）", "cn-hongkong"),
    (6, "na-toronto", "North America (Toronto)", "北美地区（多伦多）", "ca"),
    (7, "ap-shanghai-fsi", "East China (Shanghai Finance)", "华东地区（上海金融）", "cn-mainland"),
    (8, "ap-beijing", "North China (Beijing)", "华北地区（北京）", "cn-mainland"),
    (9, "ap-singapore", "Southeast Asia (Singapore)", "亚太东南（新加坡）", "sg"),
    (11, "ap-shenzhen-fsi", "South China (Shenzhen Finance)", "华南地区（深圳金融）", "cn-mainland"),
    (15, "na-siliconvalley", "US West (Silicon Valley)", "美国西部（硅谷）", "us"),
    (16, "ap-chengdu", "Southwest China (Chengdu)", "西南地区（成都）", "cn-mainland"),
    (17, "eu-frankfurt", "Europe (Frankfurt)", "欧洲地区（法兰克福）", "de"),
    (18, "ap-seoul", "Northeast Asia (Seoul)", "亚太东北（首尔）", "kr"),
    (19, "ap-chongqing", "Southwest China (Chongqing)", "西南地区（重庆）", "cn-mainland"),
    (21, "ap-mumbai", "South Asia (Mumbai)", "亚太南部（孟买）", "in"),
    (22, "na-ashburn", "US East (Virginia)", "美国东部（弗吉尼亚）", "us"),
    (23, "ap-bangkok", "Southeast Asia (Bangkok)", "亚太东南（曼谷）", "th"),
    (24, "eu-moscow", "Europe (Moscow)", "欧洲地区（莫斯科）", "ru"),
    (25, "ap-tokyo", "Northeast Asia (Tokyo)", "亚太东北（东京）", "jp"),
    (33, "ap-nanjing", "East China (Nanjing)", "华东地区（南京）", "cn-mainland"),
    (36, "ap-tianjin", "North China (Tianjin)", "华北地区（天津）", "cn-mainland"),
    (37, "ap-shenzhen", "South China (Shenzhen)", "华南地区（深圳）", "cn-mainland"),
    (39, "ap-taipei", "Hong Kong/Macao/Taiwan (Taipei)", "港澳台地区（中国台北）", "cn-taiwan"),
    (46, "ap-beijing-fsi", "North China (Beijing Finance)", "华北地区（北京金融）", "cn-mainland"),
    (72, "ap-jakarta", "Southeast Asia (Jakarta)", "亚太东南（雅加达）", "id"),
    (74, "sa-saopaulo", "South America (São Paulo)", "南美地区（圣保罗）", "br"),
]


def load_regions(apps, schema_editor):
    """Add the regions; one that an operator has already named or numbered so is left alone."""
    region = apps.get_model("registries", "Region")
    region.objects.bulk_create(
        [
            region(numeric_id=numeric_id, code=code, name_en=name_en, name_zh=name_zh, jurisdiction=jurisdiction)
            for numeric_id, code, name_en, name_zh, jurisdiction in REGIONS
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("registries", "0001_initial")]

    operations = [migrations.RunPython(load_regions, migrations.RunPython.noop)]
